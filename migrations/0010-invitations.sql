-- A name for each invitation to maintain a package, so that a link can carry it.
alter table maintainer add column invitation text;   -- uuid; null once accepted, and for those who were never invited
