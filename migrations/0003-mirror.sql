-- What we hold of an upstream document, and when we last asked.
create table upstream_document (
  package_id text primary key references package (id),
  upstream text not null,              -- the registry it came from
  document text not null,              -- sha512 SRI of the body as stored
  encoding text not null,              -- identity | gzip: how the stored body is encoded
  size bigint not null,                -- of the stored body, bytes
  etag text,
  last_modified text,
  fetched_at bigint not null,
  checked_at bigint not null
);
