import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Every file would load the whole registry again, which takes as long as many of them run; what files share, they make themselves.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
