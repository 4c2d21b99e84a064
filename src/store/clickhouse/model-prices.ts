import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ClickHouseClient } from '@clickhouse/client';
import { MplpError } from '../../errors/index.js';

/** What a million tokens of a model cost, in US dollars. */
export interface ModelPrice {
  readonly model: string;
  readonly input: number;
  readonly output: number;
  /** Input tokens that the provider read from its cache. */
  readonly cached: number;
}

const SHIPPED = fileURLToPath(new URL('../../../schemas/model-prices.json', import.meta.url));
const PRICE_NAMES = ['input', 'output', 'cached'];

/**
 * Reads the price file, the shipped one when none is configured. `cached` is the price of input when left out.
 * @throws MplpError MPLP_ERR_CONFIG_INVALID with the place that is wrong.
 */
export async function readModelPrices(file: string | undefined): Promise<ModelPrice[]> {
  const path = file ?? SHIPPED;
  const refuse = (what: string): never => {
    throw new MplpError('MPLP_ERR_CONFIG_INVALID', `The model prices in ${path} are not valid: ${what}.`);
  };
  let document: unknown;
  try {
    document = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
  const { currency, per_tokens: perTokens, models } = asObject(document) ?? refuse('it is not an object');
  if (currency !== 'USD') refuse('currency must be "USD"');
  if (perTokens !== 1_000_000) refuse('per_tokens must be 1000000');
  const entries = Object.entries(asObject(models) ?? refuse('models must be an object'));
  return entries.map(([model, given]) => {
    if (model === '') refuse('a model needs a name');
    const price = asObject(given) ?? refuse(`models.${model} must be an object`);
    for (const [name, value] of Object.entries(price)) {
      if (!PRICE_NAMES.includes(name))
        refuse(`models.${model}.${name} is unknown; expected ${PRICE_NAMES.join(', ')}`);
      if (typeof value !== 'number' || !(value >= 0) || value > 1e9)
        refuse(`models.${model}.${name} must be a number of dollars, 0 or more`);
    }
    const { input, output, cached = input } = price as Record<string, number>;
    if (input === undefined || output === undefined || cached === undefined)
      return refuse(`models.${model} needs input and output`);
    return { model, input, output, cached };
  });
}

/** Makes these the prices: rows of an older version do not count any more. */
export async function storeModelPrices(
  client: ClickHouseClient,
  prices: readonly ModelPrice[],
): Promise<void> {
  const version = Date.now();
  await client.insert({
    table: 'model_prices',
    values: prices.map((price) => ({ ...price, version })),
    format: 'JSONEachRow',
  });
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Record<string, unknown>;
}
