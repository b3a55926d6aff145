-- When a mirrored tarball was last asked for: what was not for the longest time is the first to go when room is needed.
create table tarball_use (
  package_id text not null,
  version text not null,
  used_at bigint not null,
  primary key (package_id, version)
);
