#!/usr/bin/env node
const greet = require('@example/greeting')

console.log(greet(process.argv[2] || 'world'))
