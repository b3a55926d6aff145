import type { PublishDocument } from './npm-user.ts'

/** What a build at GitHub attests, and at GitLab in the older form. */
export const STATEMENTS = {
  'https://slsa.dev/provenance/v1': {
    buildDefinition: {
      externalParameters: {
        workflow: { repository: 'https://git.example/kim/box', path: '.ci/release.yml' },
      },
      resolvedDependencies: [
        { uri: 'git+https://git.example/kim/box@refs/heads/main', digest: { gitCommit: 'c0ffee' } },
      ],
    },
    runDetails: {
      builder: { id: 'https://git.example/runner' },
      metadata: { invocationId: 'https://git.example/kim/box/runs/7' },
    },
  },
  'https://slsa.dev/provenance/v0.2': {
    invocation: {
      configSource: {
        uri: 'git+https://git.example/kim/box@refs/heads/main',
        digest: { sha1: 'c0ffee' },
        entryPoint: '.ci/release.yml',
      },
    },
    builder: { id: 'https://git.example/runner' },
    metadata: { buildInvocationId: 'https://git.example/kim/box/runs/7' },
  },
}

/** Puts a statement into a document of one version: about its tarball, or about the one of this integrity. */
export function attest(
  document: PublishDocument,
  { predicateType, integrity }: { predicateType: keyof typeof STATEMENTS; integrity?: string },
): void {
  const [version = ''] = Object.keys(document.versions)
  const sha512 = Buffer.from(
    (integrity ?? document.versions[version].dist.integrity).replace('sha512-', ''),
    'base64',
  ).toString('hex')
  const predicate = STATEMENTS[predicateType]
  const statement = { predicateType, subject: [{ name: 'box', digest: { sha512 } }], predicate }
  const payload = Buffer.from(JSON.stringify(statement)).toString('base64')
  const data = JSON.stringify({ dsseEnvelope: { payload } })
  document._attachments[`${document.name}-${version}.sigstore`] = { data, length: data.length }
}
