// Generated from schemas/context.json by `npm run generate`. Do not edit: change the source and generate again.
import type { ValidateFunction } from 'ajv';

export declare const validate: ValidateFunction;
