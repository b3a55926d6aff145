declare module '@pnpm/npm-conf' {
  /** Reads npm's configuration as npm does: flags, environment, project, user and global files, defaults. */
  function npmConf(): { config: { get(key: string): unknown } }
  namespace npmConf {
    const defaults: Readonly<Record<string, unknown>>
  }
  export default npmConf
}
