-- Of a mirrored version, what the package.json in its tarball says, as far as rules ask (JSON); null: nobody has looked yet. It may be other than
-- what the upstream's document says, and stays when the tarball is forgotten.
alter table version add column contained text;
