import { main } from './main.ts'

// The entry of the executable; a checkout starts in scripts/entropic.mjs.
void main(process.argv.slice(2))
