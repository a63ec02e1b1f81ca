/** The products of the report's impact table, each with its users, its caches and what it does when the store refuses. */
@NullMarked
package io.nearkv.server.incident.product;

import org.jspecify.annotations.NullMarked;
