// light.x: how deep in the mouth. detail: 1 to 2 teeth (above 1: distance from the gum), 0 tongue.
#ifdef VERTEX
uniform float openness;
void shade(vec3 n, vec3 view, vec3 along) {
    n = dot(n, view) < 0.0 ? -n : n;
    float depth = light.x * mix(0.45, 1.0, openness);
    lit = (key * clamp((dot(n, key_direction) + 0.7) / 1.7, 0.0, 1.0) * 0.75 + (fill + sky) * 0.6) * depth;
    shine = glint(n, view, 60.0) * 0.10 * depth;
}
#else
void main() {
    float gap = smoothstep(0.0, 0.16, abs(fract(abs(rest_at.x) / 0.0068) - 0.02));
    vec3 enamel = vec3(0.70, 0.665, 0.60) * mix(0.74, 1.0, gap);
    vec3 tooth = mix(vec3(0.40, 0.14, 0.12), enamel, smoothstep(1.30, 1.55, detail_at));
    colour = film((detail_at < 0.5 ? vec3(0.42, 0.13, 0.11) : tooth) * lit + shine);
}
#endif
