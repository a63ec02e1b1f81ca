package io.nearkv.server.program;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/** A {@code pom.xml} as it is written: nothing inherited, nothing replaced, no profiles. */
final class Pom {
    private final Element project;

    private Pom(Element project) {
        this.project = project;
    }

    static Pom read(Path file) {
        try {
            return new Pom(DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(file.toFile())
                    .getDocumentElement());
        } catch (IOException | SAXException | ParserConfigurationException e) {
            throw new IllegalStateException(file.toString(), e);
        }
    }

    /**
     * A dependency.
     *
     * @param scope empty where nothing is said
     * @param exclusions the artifacts that it must not bring along
     */
    record Dependency(String artifact, String version, String scope, boolean optional, Set<String> exclusions) {
        Dependency {
            exclusions = Set.copyOf(exclusions);
        }

        /** Returns whether who depends on the project gets it too. */
        boolean travels() {
            return !optional && (scope.isEmpty() || scope.equals("compile") || scope.equals("runtime"));
        }
    }

    String version() {
        return text(project, "version");
    }

    List<String> modules() {
        return children(project, "modules")
                .flatMap(all -> children(all, "module"))
                .map(Element::getTextContent)
                .toList();
    }

    List<Dependency> dependencies() {
        return dependencies(project);
    }

    /** Returns what is pinned for those who import the project. */
    List<Dependency> managed() {
        return children(project, "dependencyManagement")
                .flatMap(management -> dependencies(management).stream())
                .toList();
    }

    private static List<Dependency> dependencies(Element parent) {
        return children(parent, "dependencies")
                .flatMap(all -> children(all, "dependency"))
                .map(each -> new Dependency(
                        text(each, "artifactId"),
                        text(each, "version"),
                        text(each, "scope"),
                        text(each, "optional").equals("true"),
                        exclusions(each)))
                .toList();
    }

    private static Set<String> exclusions(Element dependency) {
        Set<String> excluded = new HashSet<>();
        children(dependency, "exclusions")
                .flatMap(all -> children(all, "exclusion"))
                .forEach(each -> excluded.add(text(each, "artifactId")));
        return excluded;
    }

    private static String text(Element parent, String name) {
        return children(parent, name)
                .findFirst()
                .map(Element::getTextContent)
                .orElse("")
                .strip();
    }

    private static Stream<Element> children(Element parent, String name) {
        NodeList nodes = parent.getChildNodes();
        return IntStream.range(0, nodes.getLength())
                .mapToObj(nodes::item)
                .filter(node -> node instanceof Element && node.getNodeName().equals(name))
                .map(Element.class::cast);
    }
}
