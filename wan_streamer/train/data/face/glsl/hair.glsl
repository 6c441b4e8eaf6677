// Kajiya and Kay, 1989: `rest` is the direction of the strands; uv across and along them, detail where they fray.
#ifdef VERTEX
uniform float gloss;
float highlight(vec3 t, vec3 towards, vec3 view, float power) {
    float c = dot(t, normalize(towards + view));
    return pow(max(1.0 - c * c, 0.0), power);
}
void shade(vec3 n, vec3 view, vec3 along) {
    vec3 t = normalize(along);
    float facing_key = smoothstep(-0.3, 0.6, dot(n, key_direction)) * light.y;
    float broad = 0.9 * highlight(normalize(t + n * 0.12), key_direction, view, 9.0) * facing_key;
    lit = diffuse(n, vec3(0.3)) + gloss * (key * broad + rim * smoothstep(0.1, 0.9, dot(n, rim_direction)) * light.x);
    shine = gloss * key * facing_key * 0.055 * highlight(normalize(t - n * 0.10), key_direction, view, 50.0);
}
#else
uniform sampler2D streaks; uniform vec3 hair_colour;
void main() {
    vec2 streak = texture(streaks, vec2(uv_at.x * 7.0, uv_at.y * 0.6)).rg;
    if (detail_at * 1.25 > 0.35 + streak.r) discard;
    vec3 tone = hair_colour * (gl_FrontFacing ? 0.45 + 1.15 * streak.r : 0.25 + 0.4 * streak.r);
    tone *= 0.62 + 0.38 * smoothstep(0.0, 0.05, uv_at.y);
    colour = film(tone * lit + shine * (0.3 + 1.4 * streak.g));
}
#endif
