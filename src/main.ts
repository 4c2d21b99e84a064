import { serve } from './serve.js';

// The process entry: `npm start`, and `mplp serve` through the same function.
await serve(process.argv.slice(2));
