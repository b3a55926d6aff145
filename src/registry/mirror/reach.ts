import type { Network, NetworkMode } from '../network.ts'
import type { Upstream } from '../upstream.ts'

/** Whether the upstream of a package may be asked, and what to say where it may not. */
export class Reach {
  readonly hasUpstream: boolean
  readonly #upstream: Upstream
  readonly #network: Network

  constructor(parts: { hasUpstream: boolean; upstream: Upstream; network: Network }) {
    this.hasUpstream = parts.hasUpstream
    this.#upstream = parts.upstream
    this.#network = parts.network
  }

  async mode(npmName: string): Promise<NetworkMode> {
    return this.hasUpstream ? this.#network.mode(this.#upstream.for(npmName).url) : 'offline'
  }

  async isOffline(npmName: string): Promise<boolean> {
    return (await this.mode(npmName)) === 'offline'
  }

  /** Whether there is an upstream that may not be asked now, so that nobody can tell what it has. */
  async isCutOff(npmName: string): Promise<boolean> {
    return this.hasUpstream && (await this.isOffline(npmName))
  }

  /** Why `spec` cannot be had, and what to do. */
  whyNot(spec: string): string {
    return this.hasUpstream
      ? `no copy of it is stored here and the registry is offline. Fetch it with: entropic prefetch ${spec}`
      : 'no copy of it is stored here and there is no upstream. Bring it with: entropic bundle import FILE'
  }
}
