-- Whoever appends to the change feed holds this row until commit. Numbers are then visible in the order they were given, and a follower
-- that resumes after one it saw skips none that was still on its way.
create table feed (
  id text primary key,
  turn bigint not null
);
insert into feed (id, turn) values ('change', 0);
