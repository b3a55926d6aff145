-- Known holes in packages of the upstream, as they were imported. "vulnerable" is a range of versions, "fixed" a JSON list of the versions
-- that mend it, "document" what npm audit is told.
create table advisory (
  package_name text not null,
  id text not null,
  severity text not null,
  vulnerable text not null,
  fixed text not null,
  document text not null,
  primary key (package_name, id)
);
create index advisory_id on advisory (id);
