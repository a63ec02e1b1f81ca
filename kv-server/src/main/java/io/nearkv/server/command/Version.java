package io.nearkv.server.command;

import picocli.CommandLine.IVersionProvider;

/** What this program is, from the manifest of its jar. */
final class Version {
    private Version() {}

    /** Returns the version, or {@code dev} where the program does not run from a jar. */
    static String number() {
        String version = Version.class.getPackage().getImplementationVersion();
        return version == null ? "dev" : version;
    }

    /** Returns the name and version by which the program introduces itself. */
    static String program() {
        return "nearkv " + number();
    }

    /** Returns the id of this build, for the build token of a development folder; a release brings its own token. */
    static String build() {
        return number();
    }

    /** What {@code nearkv --version} prints. */
    static final class Lines implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {
                program(),
                "build " + build(),
                "java " + Runtime.version() + " (" + System.getProperty("java.vendor") + ")"
            };
        }
    }
}
