-- What the registry signed, once for each key it had: `name@version:integrity`.
create table signature (
  package_id text not null references package (id),
  version text not null,
  keyid text not null,
  sig text not null,                   -- ECDSA over P-256 and SHA-256, DER, base64
  primary key (package_id, version, keyid)
);

-- How a version came to be, as its publisher or the upstream tells it.
create table attestation (
  package_id text not null references package (id),
  version text not null,
  document text not null,              -- JSON: { attestations: [{ predicateType, bundle }] }
  primary key (package_id, version)
);
