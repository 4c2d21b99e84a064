-- The id by which a table knows an insert again is made of the segment's token and the view's UUID. ClickHouse (26.7)
-- loses that UUID in memory at MODIFY QUERY (migration 0003) and has it again after its next start, so a segment whose
-- first sending lies before that start and whose second lies after it would count twice. A view that is renamed gets its
-- UUID back at once, and no insert misses it meanwhile. The first statement is for a rename that broke off half-way.
RENAME TABLE IF EXISTS span_intake_to_spans_renamed TO span_intake_to_spans ON CLUSTER '{cluster}';

RENAME TABLE span_intake_to_spans TO span_intake_to_spans_renamed, span_intake_to_spans_renamed TO span_intake_to_spans
    ON CLUSTER '{cluster}';
