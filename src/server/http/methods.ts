import type Router from '@koa/router'

/** The methods that rows of `router` have at a path, of those with a pattern that `counts`; what matches everything is left out. */
export function methodsAt(
  router: Router,
  path: string,
  counts: (pattern: string) => boolean = () => true,
): string[] {
  const patterns = router.match(path, 'OPTIONS').path.map(({ path: pattern, methods }) => ({
    pattern: String(pattern),
    methods,
  }))
  const fitting = patterns.filter(({ pattern }) => !pattern.endsWith('*rest') && counts(pattern))
  return [...new Set(fitting.flatMap(({ methods }) => methods))]
}
