import type { Command, Flag } from './command.ts'

const passwordStdin: Flag = { about: 'Read the password from standard input instead of asking for it' }

const platforms: Readonly<Record<string, Flag>> = {
  os: { value: 'NAMES', about: 'Only what runs on these systems, as in linux,darwin; all by default' },
  cpu: { value: 'NAMES', about: 'Only what runs on these processors, as in x64,arm64; all by default' },
}

/** Every command there is. */
export const commands: readonly Command[] = [
  {
    words: 'serve',
    names: [],
    about: 'Run the registry (the default)',
    flags: { open: { about: 'Open the website in the browser' } },
    load: async () => (await import('./serve.ts')).serve,
  },
  {
    words: 'user add',
    names: ['NAME'],
    about: 'Make an account and the namespace of the same name',
    flags: {
      admin: { about: 'May administer the registry' },
      email: { value: 'ADDRESS', about: 'Email address' },
      'password-stdin': passwordStdin,
    },
    load: async () => (await import('./user.ts')).addUser,
  },
  {
    words: 'user passwd',
    names: ['NAME'],
    about: "Set an account's password and revoke its tokens",
    flags: { 'password-stdin': passwordStdin },
    load: async () => (await import('./user.ts')).setPassword,
  },
  {
    words: 'user list',
    names: [],
    about: 'List the accounts',
    flags: {},
    load: async () => (await import('./user.ts')).listUsers,
  },
  {
    words: 'token create',
    names: ['NAME'],
    about: 'Issue a token for an account and print it, this once',
    flags: {
      description: { value: 'TEXT', about: 'What it is for' },
      'read-only': { about: 'May not publish' },
    },
    load: async () => (await import('./token.ts')).createToken,
  },
  {
    words: 'token list',
    names: ['[NAME]'],
    about: 'List the tokens of an account, or of everybody',
    flags: {},
    load: async () => (await import('./token.ts')).listTokens,
  },
  {
    words: 'token revoke',
    names: ['ID'],
    about: 'Revoke a token',
    flags: {},
    load: async () => (await import('./token.ts')).revokeToken,
  },
  {
    words: 'package claim',
    names: ['NAME'],
    about: 'Set a name of the upstream registry aside for an account; it is not mirrored any more',
    flags: { for: { value: 'ACCOUNT', about: 'Who may publish it' } },
    load: async () => (await import('./package.ts')).claimPackage,
  },
  {
    words: 'package release',
    names: ['NAME'],
    about: 'Give a name whose versions are all unpublished back to the upstream registry',
    flags: {},
    load: async () => (await import('./package.ts')).releasePackage,
  },
  {
    words: 'config',
    names: [],
    about: 'Show every option, its value and where it was set',
    flags: {},
    load: async () => (await import('./config.ts')).showConfig,
  },
  {
    words: 'config check',
    names: [],
    about: 'Tell whether the configuration is without mistakes',
    flags: {},
    load: async () => (await import('./config.ts')).checkConfig,
  },
  {
    words: 'migrate',
    names: [],
    about: 'Bring the database up to date, as serve does when it starts',
    flags: {
      check: { about: 'Change nothing; list what would run, and exit with 1 when that is something' },
    },
    load: async () => (await import('./migrate.ts')).migrate,
  },
  {
    words: 'prefetch',
    names: ['FILE|NAME@RANGE…'],
    about:
      'Fetch all that a lock file, a package.json or name@range asks for, to install without the upstream later',
    flags: platforms,
    load: async () => (await import('./prefetch.ts')).prefetch,
  },
  {
    words: 'bundle create',
    names: ['FILE', '[NAME@RANGE…]'],
    about: 'Write packages with all they need into one signed file, to carry to where no network leads',
    flags: {
      from: { value: 'FILE', about: 'Take what this lock file or package.json asks for' },
      ...platforms,
    },
    load: async () => (await import('./bundle.ts')).createBundle,
  },
  {
    words: 'bundle import',
    names: ['FILE'],
    about: 'Take in what another registry put into a file; the server may run meanwhile',
    flags: { key: { value: 'KEY', about: 'Key of the registry that made it; ours is always trusted' } },
    load: async () => (await import('./bundle.ts')).importBundle,
  },
  {
    words: 'bundle verify',
    names: ['FILE'],
    about: 'Tell whether a bundle is whole and as it was signed',
    flags: {},
    load: async () => (await import('./bundle.ts')).verify,
  },
  {
    words: 'bundle list',
    names: ['FILE'],
    about: 'List what is in a bundle',
    flags: {},
    load: async () => (await import('./bundle.ts')).listBundle,
  },
  {
    words: 'bundle key',
    names: [],
    about: 'Print the key that our bundles are signed with, for the other side to compare',
    flags: {},
    load: async () => (await import('./bundle.ts')).showKey,
  },
  {
    words: 'policy explain',
    names: ['NAME@VERSION'],
    about: 'Tell whether a version may be installed from here, and which rule decides; exit with 1 when not',
    flags: {},
    load: async () => (await import('./policy.ts')).explain,
  },
  {
    words: 'advisories import',
    names: ['FILE|URL'],
    about: 'Take in known holes from an OSV dump (zip, JSON, JSON a line), for npm audit and the policy',
    flags: {},
    load: async () => (await import('./advisories.ts')).importAdvisories,
  },
  {
    words: 'keys rotate',
    names: [],
    about: 'Sign what is published from now on with a new key; restart the server after it',
    flags: {},
    load: async () => (await import('./keys.ts')).rotateKey,
  },
  {
    words: 'mode',
    names: ['[MODE]'],
    about:
      'Show or change how the upstream is used: online, prefer-offline or offline; a running server follows',
    flags: { upstream: { value: 'URL', about: 'Only this one, by its address in UPSTREAMS or UPSTREAM' } },
    load: async () => (await import('./mode.ts')).mode,
  },
  {
    words: 'status',
    names: [],
    about: 'Tell which server runs on the data, and what is stored; exit with 1 when none runs',
    flags: { json: { about: 'Print it as one line of JSON' } },
    load: async () => (await import('./status.ts')).status,
  },
  {
    words: 'gc',
    names: [],
    about: 'Delete stored files that nothing refers to any more; the server may run meanwhile',
    flags: { 'dry-run': { about: 'Delete nothing; tell how much it would be' } },
    load: async () => (await import('./gc.ts')).gc,
  },
  {
    words: 'doctor',
    names: [],
    about: 'Examine the data folder, the database and every stored file; exit with 1 when not all is well',
    flags: {
      repair: { about: 'Bring back what was lost or changed, from upstream where it came from there' },
    },
    load: async () => (await import('./doctor.ts')).doctor,
  },
  {
    words: 'backup',
    names: ['FOLDER'],
    about: 'Write everything into a folder, the server running or not; again into it: only what is new',
    flags: {},
    load: async () => (await import('./backup.ts')).backup,
  },
  {
    words: 'restore',
    names: ['FOLDER'],
    about: 'Bring a backup into an empty data folder and database, whichever are configured',
    flags: {},
    load: async () => (await import('./backup.ts')).restore,
  },
  {
    words: 'migrate-storage',
    names: [],
    about: 'Copy everything to another database or blob storage, and compare; the server must not run',
    flags: {
      from: { value: 'DRIVERS', about: 'Where it is: sqlite or postgres, disk or s3, as in sqlite,disk' },
      to: { value: 'DRIVERS', about: 'Where to, as in postgres,s3; what is not named stays' },
    },
    load: async () => (await import('./migrate-storage.ts')).migrateStorage,
  },
  {
    words: 'import verdaccio',
    names: ['FOLDER'],
    about: 'Take in the storage folder of a verdaccio: packages, tags, deprecations, dates, and people',
    flags: {
      htpasswd: {
        value: 'FILE',
        about: 'Make an account for everybody in this file; passwords go on working',
      },
      owner: { value: 'NAME', about: 'Account that gets what names no publisher who has one' },
      mirrored: { about: 'Take what was only mirrored there, too' },
    },
    load: async () => (await import('./import-verdaccio.ts')).importVerdaccio,
  },
  {
    words: 'fixture',
    names: ['[COMMAND…]'],
    about: 'Run a throw-away registry for tests: around a command, or until its parent ends',
    flags: {
      seed: {
        value: 'PATH',
        about: 'Publish the packages (folders, .tgz) of a folder first, or one package',
      },
      user: { value: 'NAME', about: 'Account that may publish; test by default' },
      json: { about: 'Print url, token, npmrc and pid as one line of JSON' },
    },
    load: async () => (await import('./fixture.ts')).fixture,
  },
  {
    words: 'service install',
    names: [],
    about: 'Have the system start the server when you log in, with the options given here',
    flags: {},
    load: async () => (await import('./service.ts')).installService,
  },
  {
    words: 'service uninstall',
    names: [],
    about: 'Undo service install; the data stay',
    flags: {},
    load: async () => (await import('./service.ts')).uninstallService,
  },
  {
    words: 'service status',
    names: [],
    about: 'Tell whether the service is installed and running; exit with 1 when it is not',
    flags: {},
    load: async () => (await import('./service.ts')).serviceStatus,
  },
  {
    words: 'completion',
    names: ['SHELL'],
    about: 'Print the completions for bash, zsh or fish',
    flags: {},
    load: async () => {
      const { completion } = await import('./completion.ts')
      return ({ names }) => completion(names, commands)
    },
  },
  {
    words: 'sbom',
    names: [],
    about: 'List everything this executable is made of, as CycloneDX JSON',
    flags: { licences: { about: 'Print the texts of all licences instead' } },
    load: async () => (await import('./sbom.ts')).sbom,
  },
  {
    words: 'update',
    names: [],
    about:
      'With --check: ask the upstream whether a newer version is published; exit with 1 when one is, 3 when nobody can tell',
    flags: { check: { about: 'Only ask; nothing is downloaded. Without it nothing is done' } },
    load: async () => (await import('./update.ts')).update,
  },
  {
    words: 'version',
    names: [],
    about: 'Print the version',
    flags: {},
    load: async () => (await import('./version.ts')).version,
  },
  {
    words: 'help',
    names: ['[COMMAND…]'],
    about: 'Show help, of a command when one is named',
    flags: {},
    load: async () => {
      const { help } = await import('./help.ts')
      return ({ names }) => help(names, commands)
    },
  },
]
