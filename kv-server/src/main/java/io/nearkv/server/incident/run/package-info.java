/** One replay from its start to its verdict: the operators' script, the users beside it, and the comparison with the report. */
@NullMarked
package io.nearkv.server.incident.run;

import org.jspecify.annotations.NullMarked;
