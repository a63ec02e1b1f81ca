/** What lies between the network and the routes: how signed documents travel, and how one instance of a build is reached, without either knowing the other. */
@NullMarked
package io.nearkv.core.route;

import org.jspecify.annotations.NullMarked;
