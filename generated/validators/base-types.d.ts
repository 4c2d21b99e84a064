// Generated from schemas/base-types.json by `npm run generate`. Do not edit: change the source and generate again.
import type { ValidateFunction } from 'ajv';

export declare const uuid: ValidateFunction;
export declare const timestamp: ValidateFunction;
export declare const version: ValidateFunction;
export declare const priority: ValidateFunction;
export declare const status: ValidateFunction;
