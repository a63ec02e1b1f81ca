/** What people and programs read of a replay: tables, one JSON object, one HTML file. */
@NullMarked
package io.nearkv.server.incident.report;

import org.jspecify.annotations.NullMarked;
