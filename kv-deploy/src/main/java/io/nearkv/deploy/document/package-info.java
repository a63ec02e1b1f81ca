/** The signed documents: from values to bytes and back, and whose signature stands under them. {@code docs/formats/deploy.md} has the formats. */
@NullMarked
package io.nearkv.deploy.document;

import org.jspecify.annotations.NullMarked;
