import { createFaultList } from '../faults.js';
import { moduleSchemaId, moduleValidators } from '../module-schemas.js';
import { FindingList, type Findings } from '../rules/findings.js';
import { checkModuleRules } from '../rules/module-rules.js';
import { addSchemaFaults } from '../schema-faults.js';
import type { ValidationResult, ValidationWarning } from '../validation-result.js';
import type { ProtocolObject } from './protocol-object.js';
import { transformObject } from './transform.js';

/** Errors, and warnings, that one report names. */
export const MAX_REPORTED_FAULTS = 100;

const NONE: Findings = { errors: [], warnings: [] };
const DRAFT_WARNING: ValidationWarning = {
  pointer: '',
  keyword: 'version',
  message: 'is a 0.9 document; what is judged, and what pointers point into, is the 1.0 document it becomes',
};

/** The schema's verdict, and that of the rules on what the schema accepted. A 0.9 document is judged as 1.0. */
export function validateObject(object: ProtocolObject): ValidationResult {
  const start = performance.now();
  const { document } = transformObject(object, '1.0');
  const { errors, warnings } = judge(object.type, document);
  return {
    valid: errors.length === 0,
    errors,
    warnings: object.version === '1.0' ? warnings : [DRAFT_WARNING, ...warnings],
    metadata: {
      schemaId: moduleSchemaId(object.type),
      validationTime: performance.now() - start,
      dataSize: object.sizeBytes ?? Buffer.byteLength(JSON.stringify(object.document)),
    },
  };
}

function judge(type: ProtocolObject['type'], document: unknown): Findings {
  const validate = moduleValidators[type];
  if (!validate(document)) {
    const faults = createFaultList(MAX_REPORTED_FAULTS);
    addSchemaFaults(faults, validate.errors ?? [], document);
    return { errors: faults.faults, warnings: NONE.warnings };
  }
  const findings = new FindingList(MAX_REPORTED_FAULTS);
  checkModuleRules(type, document, findings);
  return findings;
}
