/** What release safety speaks of: services, builds, routes, the ledger, trust. Values alone; nothing here is verified. */
@NullMarked
package io.nearkv.deploy.model;

import org.jspecify.annotations.NullMarked;
