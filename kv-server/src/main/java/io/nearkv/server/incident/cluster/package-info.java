/** What a replay asks of the machines under it, real or not. */
@NullMarked
package io.nearkv.server.incident.cluster;

import org.jspecify.annotations.NullMarked;
