-- What unpublished versions were made of: their blobs lie on for a while, and stay as private as they were.
create table former_content (
  digest text not null,
  package_id text not null references package (id),
  primary key (digest, package_id)
);
