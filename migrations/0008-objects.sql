-- Whose object is this? Asked with each download by digest.
create index version_tarball on version (tarball);
create index version_tree on version (tree);
create index version_integrity on version (integrity);
