import { sqlSuite } from '../../conformance/sql.ts'
import { onEveryEngine } from '../../support/services.ts'

onEveryEngine('SQL', sqlSuite)
