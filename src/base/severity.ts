/** How bad a known hole is, from the least to the worst. */
export const SEVERITIES = ['low', 'moderate', 'high', 'critical', 'malware'] as const
export type Severity = (typeof SEVERITIES)[number]
