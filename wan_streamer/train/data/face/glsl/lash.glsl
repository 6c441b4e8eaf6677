// Stripes that end in points; fewer and shorter below the eye. detail: 0 at the lid, 1 at the tip.
#ifdef VERTEX
void shade(vec3 n, vec3 view, vec3 along) { lit = shine = vec3(0); }
#else
uniform float eye_y, lash_strength;
void main() {
    bool lower = rest_at.y < eye_y;
    float across = abs(fract(rest_at.x * (lower ? 620.0 : 800.0) + (rest_at.y - eye_y) * 260.0 * sign(rest_at.x)) - 0.5) * 2.0;
    if (across > (1.0 - detail_at) * (lower ? 0.25 : 0.55 + 0.35 * lash_strength) || (lower && detail_at > 0.40)) discard;
    if (detail_at > 0.35 + 0.65 * lash_strength) discard;
    colour = film(vec3(0.012, 0.008, 0.006));
}
#endif
