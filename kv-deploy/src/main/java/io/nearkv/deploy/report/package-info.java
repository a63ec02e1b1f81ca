/** What nodes tell of their requests. */
@NullMarked
package io.nearkv.deploy.report;

import org.jspecify.annotations.NullMarked;
