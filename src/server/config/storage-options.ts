import { parseRedisUrl } from '../../base/redis-url.ts'
import * as kind from './kinds.ts'
import { optional } from './option.ts'

const redisUrl: kind.Kind<string> = {
  allowed:
    'redis://host:6379/0, redis+sentinel://one:26379,two:26379/master-name/0 or redis+cluster://one:7000,two:7001; rediss for TLS; user:password@ in front of the hosts',
  read: (it) => (parseRedisUrl(it) ? it : undefined),
}

const certificates = "the system's certificates alone"

/** What several servers share: the database, and memory that may forget. */
export const storageOptions = {
  postgresUrl: optional(kind.urlOf('postgres', 'postgresql'), {
    env: 'POSTGRES_URL',
    otherwise: 'SQLite in the data folder',
    about:
      'Postgres database to use, 14 or later; sslmode in it: disable, no-verify, or anything else for TLS with a trusted certificate',
    secret: 'inside',
  }),
  postgresCa: optional(kind.folder, {
    env: 'POSTGRES_CA',
    otherwise: certificates,
    about: 'File with certificates (PEM) to trust too; Postgres is then always spoken to by TLS',
  }),
  pgHost: optional(kind.text, {
    env: 'PGHOST',
    otherwise: 'SQLite, unless another PG variable is set',
    about: 'Postgres host; PGPORT, PGPASSWORD, PGSSLMODE and the like work too',
  }),
  pgUser: optional(kind.text, {
    env: 'PGUSER',
    otherwise: 'SQLite, unless another PG variable is set',
    about: 'Postgres user',
  }),
  pgDatabase: optional(kind.text, {
    env: 'PGDATABASE',
    otherwise: 'SQLite, unless another PG variable is set',
    about: 'Postgres database name',
  }),
  redisUrl: optional(redisUrl, {
    env: 'REDIS_URL',
    otherwise: 'memory of the process',
    about: 'Redis 6 or later to share short-lived state between several servers',
    secret: 'inside',
  }),
  redisCa: optional(kind.folder, {
    env: 'REDIS_CA',
    otherwise: certificates,
    about: 'File with certificates (PEM) to trust too when Redis shows its own',
  }),
} as const
