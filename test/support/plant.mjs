import { register } from 'node:module';

register('./plant-hooks.mjs', import.meta.url, { data: JSON.parse(process.env.MPLP_TEST_PLANT ?? '[]') });
