-- How often the tarball of a version was downloaded on a day: whole days since 1970, UTC. Every replica adds to the same row.
create table download (
  package_id text not null,
  day bigint not null,
  version text not null,
  count bigint not null,
  primary key (package_id, day, version)
);
create index download_day on download (day);

-- Other things by day: counts, which replicas add to, and sizes as they were last seen that day.
create table day_figure (
  day bigint not null,
  name text not null,
  value bigint not null,
  primary key (day, name)
);

-- Downloads of a package, recent ones weighing more: each counts twice as much as one a month earlier, so that nothing has to be
-- written for packages that nobody downloads.
create table popularity (
  package_id text primary key,
  weight double precision not null
);
