package io.nearkv.server.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where a setting comes from that no flag gives: the environment variable {@code NEARKV_} and the flag's name in upper case, then the configuration file, a Java
 * properties file with the flags' names as keys. Immutable.
 */
public final class SettingSources {
    /** Neither variables nor a file. */
    public static final SettingSources NONE = new SettingSources(Map.of(), new Properties());

    private final Map<String, String> environment;
    private final Properties file;

    private SettingSources(Map<String, String> environment, Properties file) {
        this.environment = environment;
        this.file = file;
    }

    /**
     * Returns the sources of a process.
     *
     * @param environment its environment variables
     * @param file the configuration file, or null if there is none
     * @throws IOException if the file cannot be read, or is not a properties file
     */
    public static SettingSources of(Map<String, String> environment, @Nullable Path file) throws IOException {
        Properties properties = new Properties();
        if (file != null) {
            try (Reader reader = Files.newBufferedReader(file, UTF_8)) {
                properties.load(reader);
            } catch (IllegalArgumentException e) {
                throw new IOException(file + ": " + e.getMessage(), e);
            }
        }
        return new SettingSources(Map.copyOf(environment), properties);
    }

    /** Returns the text of the setting with this name (that of the flag, without dashes in front), or null if no source has it. */
    public @Nullable String find(String name) {
        String variable = environment.get(variableOf(name));
        return variable != null ? variable : file.getProperty(name);
    }

    /** Returns the names in the configuration file. */
    public Set<String> namesInFile() {
        return Collections.unmodifiableSet(file.stringPropertyNames());
    }

    /** Returns the environment variable of a setting: {@code NEARKV_BLOCK_CACHE_MIB} for {@code block-cache-mib}. */
    public static String variableOf(String name) {
        return "NEARKV_" + name.toUpperCase(Locale.ROOT).replace('-', '_');
    }
}
