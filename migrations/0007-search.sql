-- What lists say of a package, as of one of its revisions.
create table search_entry (
  package_id text primary key references package (id),
  revision bigint not null,
  latest text,                         -- null: nothing to show, and found by no word
  description text,
  keywords text not null,              -- JSON array
  date text                            -- ISO, of `latest`
);

-- The words a package is found by, prefixes of its name's words too; a higher weight comes first.
create table search_term (
  term text not null,
  package_id text not null references package (id),
  weight bigint not null,
  primary key (term, package_id)
);
create index search_term_package on search_term (package_id);
