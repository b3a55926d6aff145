/** Upper bounds of the histogram's buckets, in seconds. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const

const HELP = {
  entropic_tarball_requests_total: 'Requests for mirrored tarballs, by where they were answered from',
  entropic_upstream_requests_total: 'Requests to upstreams, by what was asked for and how it ended',
  entropic_upstream_bytes_total: 'Bytes of tarballs fetched from upstreams',
  entropic_evicted_tarballs_total: 'Mirrored tarballs forgotten to stay within the bounds of the cache',
  entropic_evicted_bytes_total: 'Bytes of mirrored tarballs forgotten to stay within the bounds of the cache',
  entropic_upkeep_runs_total: 'Times this server did the upkeep for all, by how it ended',
  entropic_upkeep_removed_total: 'What upkeep removed, by what it was',
  entropic_upkeep_last_run_timestamp_seconds: 'When this server last did the upkeep',
  entropic_upkeep_duration_seconds: 'How long the last upkeep took',
} as const
const SECONDS = 'entropic_upstream_seconds'

export type CounterName = keyof typeof HELP & `${string}_total`
type GaugeName = Exclude<keyof typeof HELP, CounterName>
type Labels = Readonly<Record<string, string>>
type Histogram = { readonly counts: number[]; sum: number; count: number }

/** What this process did so far, in figures that a Prometheus server collects. */
export class Metrics {
  readonly #counters = new Map<CounterName, Map<string, number>>()
  readonly #gauges = new Map<GaugeName, number>()
  readonly #seconds = new Map<string, Histogram>()

  add(name: CounterName, labels: Labels, by = 1): void {
    const values = this.#counters.get(name) ?? new Map<string, number>()
    this.#counters.set(name, values)
    const key = textOf(labels)
    values.set(key, (values.get(key) ?? 0) + by)
  }

  set(name: GaugeName, value: number): void {
    this.#gauges.set(name, value)
  }

  /** A counter's values under all labels together. */
  total(name: CounterName): number {
    return [...(this.#counters.get(name)?.values() ?? [])].reduce((sum, value) => sum + value, 0)
  }

  /** Counts and times a question to an upstream, until its answer begins. */
  async asking<T extends { readonly kind: string }>(
    about: { readonly what: string; readonly upstream: string },
    ask: () => Promise<T>,
  ): Promise<T> {
    const begun = performance.now()
    let outcome = 'error'
    try {
      const answer = await ask()
      outcome = answer.kind
      return answer
    } finally {
      this.add('entropic_upstream_requests_total', { ...about, outcome })
      this.#time(about, (performance.now() - begun) / 1000)
    }
  }

  /** In the text format of Prometheus. */
  text(): string {
    const counters = [...this.#counters].flatMap(([name, values]) => [
      `# HELP ${name} ${HELP[name]}`,
      `# TYPE ${name} counter`,
      ...[...values].map(([labels, value]) => `${name}{${labels}} ${value}`),
    ])
    const gauges = [...this.#gauges].flatMap(([name, value]) => [
      `# HELP ${name} ${HELP[name]}`,
      `# TYPE ${name} gauge`,
      `${name} ${value}`,
    ])
    return `${[...counters, ...gauges, ...this.#histograms()].join('\n')}\n`
  }

  #time(labels: Labels, seconds: number): void {
    const key = textOf(labels)
    const histogram = this.#seconds.get(key) ?? { counts: BUCKETS.map(() => 0), sum: 0, count: 0 }
    this.#seconds.set(key, histogram)
    for (const [at, bound] of BUCKETS.entries())
      if (seconds <= bound) histogram.counts[at] = (histogram.counts[at] ?? 0) + 1
    histogram.sum += seconds
    histogram.count += 1
  }

  *#histograms(): Generator<string> {
    yield `# HELP ${SECONDS} Time until an upstream's answer began`
    yield `# TYPE ${SECONDS} histogram`
    for (const [labels, { counts, sum, count }] of this.#seconds) {
      for (const [at, bound] of BUCKETS.entries())
        yield `${SECONDS}_bucket{${labels},le="${bound}"} ${counts[at]}`
      yield `${SECONDS}_bucket{${labels},le="+Inf"} ${count}`
      yield `${SECONDS}_sum{${labels}} ${sum}`
      yield `${SECONDS}_count{${labels}} ${count}`
    }
  }
}

/** Labels are words of ours and addresses: nothing in them needs escaping. */
function textOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',')
}
