/** Moving whole namespaces: export and import as JSON lines, and folders of files as static assets. */
@NullMarked
package io.nearkv.core.transfer;

import org.jspecify.annotations.NullMarked;
