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
            "text/plain txt text log conf cfg ini properties md5 sha1 sha256 sha512",
            "text/markdown md markdown",
            "text/csv csv",
            "text/xml xml xsd xsl xslt",
            "text/calendar ics",
            "text/vtt vtt",
            "text/tab-separated-values tsv",
            "text/yaml yaml yml",
            // Source code has no registered types, and .ts has one for television that nobody means here. Text of any
            // kind is shown, not downloaded, by browsers.
            "text/x-java-source java",
            "text/x-typescript ts mts cts tsx",
            "text/jsx jsx",
            "text/x-c c h",
            "text/x-c++ cc cpp cxx hh hpp hxx inl",
            "text/x-asm s asm",
            "text/x-csharp cs",
            "text/x-go go",
            "text/x-groovy groovy gradle",
            "text/x-kotlin kt kts",
            "text/x-python py",
            "text/x-ruby rb",
            "text/x-rust rs",
            "text/x-scala scala",
            "text/x-swift swift",
            "text/x-vue vue",
            "text/x-protobuf proto",
            "text/x-scss scss",
            "text/x-less less",
            "text/x-diff diff patch",
            "text/x-asciidoc adoc asciidoc",
            "text/x-rst rst",
            "text/x-perl pl pm",
            "application/x-httpd-php php",
            "application/json json map",
            "application/ld+json jsonld",
            "application/geo+json geojson",
            "application/x-ndjson ndjson jsonl",
            "model/gltf+json gltf",
            "model/gltf-binary glb",
            "application/manifest+json webmanifest",
            "application/rss+xml rss",
            "application/atom+xml atom",
            "application/xhtml+xml xhtml",
            "application/xml-dtd dtd",
            "application/graphql graphql gql",
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
            "application/x-sh sh bash",
            "application/x-bat bat cmd",
            "application/x-x509-ca-cert crt cer der",
            "application/x-pem-file pem",
            "application/pgp-signature asc sig",
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
            "image/x-icon ico cur",
            "image/heic heic",
            "image/jxl jxl",
            "font/woff woff",
            "font/woff2 woff2",
            "font/ttf ttf",
            "font/otf otf",
            "font/collection ttc",
            "application/vnd.ms-fontobject eot",
            "audio/mpeg mp3",
            "audio/ogg ogg oga opus",
            "audio/wav wav",
            "audio/flac flac",
            "audio/mp4 m4a",
            "audio/aac aac",
            "audio/midi mid midi",
            "audio/webm weba",
            "application/vnd.apple.mpegurl m3u8",
            "application/dash+xml mpd",
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
