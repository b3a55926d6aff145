import type { Json, JsonObject } from './model.ts'
import { asObject } from './upstream-document.ts'

/** Where a version says it comes from; each part as far as it is told, and only as true as its signer. */
export type Provenance = {
  /** Address of the source repository. */
  readonly repository: string | undefined
  readonly commit: string | undefined
  /** What in the repository made it, such as `.github/workflows/release.yml`. */
  readonly workflow: string | undefined
  /** Address of the very run that made it. */
  readonly build: string | undefined
  /** Who ran the build. */
  readonly builder: string | undefined
  /** SHA-512 of the tarballs it is about, in hex. */
  readonly subjects: readonly string[]
}

const SLSA = 'https://slsa.dev/provenance/'

/** Reads the SLSA statement (v1 or v0.2) among a version's attestations, its signature unseen; undefined when there is none to be read. */
export function provenanceOf(document: string): Provenance | undefined {
  for (const attestation of listOf(parsed(document)?.attestations)) {
    const { predicateType, bundle } = attestation
    if (typeof predicateType !== 'string' || !predicateType.startsWith(SLSA)) continue
    const { payload } = asObject(asObject(bundle)?.dsseEnvelope) ?? {}
    const statement =
      typeof payload === 'string' ? parsed(Buffer.from(payload, 'base64').toString()) : undefined
    const predicate = asObject(statement?.predicate)
    if (!statement || !predicate) continue
    const subjects = listOf(statement.subject).flatMap(({ digest }) => text(asObject(digest)?.sha512) ?? [])
    return { subjects, ...(asObject(predicate.buildDefinition) ? newForm(predicate) : oldForm(predicate)) }
  }
  return undefined
}

type Origin = Omit<Provenance, 'subjects'>

/** https://slsa.dev/spec/v1.0/provenance, as GitHub and GitLab fill it in for npm. */
function newForm({ buildDefinition, runDetails }: JsonObject): Origin {
  const definition = asObject(buildDefinition)
  const workflow = asObject(asObject(definition?.externalParameters)?.workflow)
  const [source] = listOf(definition?.resolvedDependencies)
  const run = asObject(runDetails)
  return {
    repository: text(workflow?.repository) ?? repositoryOf(source?.uri),
    commit: text(asObject(source?.digest)?.gitCommit),
    workflow: text(workflow?.path),
    build: text(asObject(run?.metadata)?.invocationId),
    builder: text(asObject(run?.builder)?.id),
  }
}

/** https://slsa.dev/spec/v0.2/provenance */
function oldForm({ invocation, builder, metadata }: JsonObject): Origin {
  const source = asObject(asObject(invocation)?.configSource)
  return {
    repository: repositoryOf(source?.uri),
    commit: text(asObject(source?.digest)?.sha1),
    workflow: text(source?.entryPoint),
    build: text(asObject(metadata)?.buildInvocationId),
    builder: text(asObject(builder)?.id),
  }
}

/** `git+https://host/owner/name@refs/heads/main` */
function repositoryOf(uri: unknown): string | undefined {
  return text(uri)
    ?.replace(/^git\+/, '')
    .replace(/@[^@/]*(?:\/[^@]*)?$/, '')
}

function parsed(json: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(json))
  } catch {
    return undefined
  }
}

function listOf(value: Json | undefined): JsonObject[] {
  const all: readonly Json[] = Array.isArray(value) ? value : []
  return all.map(asObject).filter((one) => one !== undefined)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, 500) : undefined
}
