create table package (
  id text primary key,
  host text not null,                  -- '' is this registry
  npm_name text not null,              -- the name's npm spelling; one origin a name
  namespace text not null,
  name text not null,                  -- within the namespace; a mirrored scoped package is legacy / @scope/name
  source text not null,                -- local | mirror
  access text not null,                -- public | restricted
  revision bigint not null,            -- rises with every change; keys every cache and ETag
  require_tfa_at bigint,
  created_at bigint not null,
  modified_at bigint not null,
  yanked_at bigint,                    -- abandoned: readable, but nobody's
  removed_at bigint,                   -- unpublished whole; the name stays taken
  unique (host, npm_name)
);
create index package_namespace on package (namespace, name);

create table maintainer (
  package_id text not null references package (id),
  namespace text not null references namespace (name),
  invited_by text references account (id),
  invited_at bigint not null,
  accepted_at bigint,                  -- null: invited, not a maintainer yet
  primary key (package_id, namespace)
);
create index maintainer_namespace on maintainer (namespace);

create table version (
  package_id text not null references package (id),
  version text not null,
  manifest text,                       -- the published manifest as JSON, without dist and deprecated; null: in the upstream document
  short text,                          -- the same, cut to the abbreviated form's fields
  tarball text,                        -- sha512 SRI of the npm tarball
  sha1 text,                           -- of the tarball, hex
  size bigint,                         -- of the tarball, bytes
  tree text,                           -- sha512 SRI of the file tree document; null: not exploded yet
  integrity text,                      -- sha512 SRI of the Entropic manifest
  file_count bigint,
  unpacked_size bigint,
  readme text,                         -- sha512 SRI of the README's text
  readme_html text,                    -- sha512 SRI of the same, rendered and sanitised
  published_at bigint not null,
  publisher text references account (id),
  deprecated text,
  yanked_at bigint,                    -- hidden from resolution, still downloadable
  removed_at bigint,                   -- unpublished; only the number stays taken
  primary key (package_id, version)
);

create table tag (
  package_id text not null references package (id),
  tag text not null,
  version text not null,
  primary key (package_id, tag)
);

-- What happened, in order, for followers that resume where they stopped.
create table change (
  seq IDENTITY,
  at bigint not null,
  package_id text not null references package (id),
  kind text not null,                  -- create | publish | tag | deprecate | yank | unpublish | abandon | access | maintainer | refresh
  detail text not null                 -- JSON
);
