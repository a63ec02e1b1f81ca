package io.nearkv.core.transfer;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Content types by file name extension, after the IANA registry. A table of our own, because what the JDK finds out differs from machine to machine, and one folder must give one
 * bundle everywhere.
 */
final class ContentTypes {
    private static final String UNKNOWN = "application/octet-stream";

    private static final Map<String, String> BY_EXTENSION = table(
            "text/html html htm",
            "text/css css",
            "text/javascript js mjs cjs",
            "text/plain txt text log conf cfg ini properties md5 sha1 sha256",
            "text/markdown md markdown",
            "text/csv csv",
            "text/xml xml xsd xsl xslt",
            "text/calendar ics",
            "text/vtt vtt",
            "text/x-java-source java",
            "text/yaml yaml yml",
            "application/json json map",
            "application/ld+json jsonld",
            "application/manifest+json webmanifest",
            "application/rss+xml rss",
            "application/atom+xml atom",
            "application/xhtml+xml xhtml",
            "application/wasm wasm",
            "application/pdf pdf",
            "application/zip zip",
            "application/gzip gz tgz",
            "application/x-bzip2 bz2",
            "application/x-xz xz",
            "application/zstd zst",
            "application/x-tar tar",
            "application/x-7z-compressed 7z",
            "application/java-archive jar war",
            "application/java-vm class",
            "application/toml toml",
            "application/sql sql",
            "application/x-sh sh",
            "application/rtf rtf",
            "application/epub+zip epub",
            "image/png png",
            "image/jpeg jpg jpeg",
            "image/gif gif",
            "image/webp webp",
            "image/avif avif",
            "image/svg+xml svg",
            "image/bmp bmp",
            "image/tiff tif tiff",
            "image/x-icon ico",
            "font/woff woff",
            "font/woff2 woff2",
            "font/ttf ttf",
            "font/otf otf",
            "audio/mpeg mp3",
            "audio/ogg ogg oga opus",
            "audio/wav wav",
            "audio/flac flac",
            "audio/mp4 m4a",
            "video/mp4 mp4 m4v",
            "video/webm webm",
            "video/ogg ogv",
            "video/quicktime mov");

    private ContentTypes() {}

    private static Map<String, String> table(String... rows) {
        Map<String, String> table = new HashMap<>();
        for (String row : rows) {
            String[] words = row.split(" ", -1);
            for (int i = 1; i < words.length; i++) {
                table.put(words[i], words[0]);
            }
        }
        return Map.copyOf(table);
    }

    /** Returns the content type of a file with this name. */
    static String of(String fileName) {
        int dot = fileName.lastIndexOf('.');
        // A name that only begins with a dot, like .profile, has no extension.
        String extension = dot > 0 ? fileName.substring(dot + 1).toLowerCase(Locale.ROOT) : "";
        return BY_EXTENSION.getOrDefault(extension, UNKNOWN);
    }
}
