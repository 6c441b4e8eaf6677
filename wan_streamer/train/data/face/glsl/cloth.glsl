// outfit: 0 sweater, 1 shirt, 2 jacket over a shirt, 3 the museum's uniform (a jacket with a badge).
#ifdef VERTEX
void shade(vec3 n, vec3 view, vec3 along) { lit = diffuse(n, vec3(0.15)); shine = glint(n, view, 8.0) * 0.010; }
#else
uniform int outfit; uniform vec3 cloth_colour, inner_colour; uniform float collar_y, chest_z;
uniform sampler2D streaks;
float collar(vec3 p) {
    float dip = smoothstep(0.075, 0.0, abs(p.x)), front = smoothstep(0.0, 0.05, p.z - chest_z);
    float shoulder = 0.10 * smoothstep(0.075, 0.115, abs(p.x));
    return collar_y + shoulder - (outfit == 0 ? 0.045 * dip * dip : 0.020 + max(0.0, 0.078 - abs(p.x) * 1.7)) * front;
}
void main() {
    vec3 p = rest_at; float neckline = collar(p);
    if (p.y > neckline) discard;
    float weave = texture(streaks, p.xy * vec2(7.0, 34.0)).g;
    float front = smoothstep(0.0, 0.04, p.z - chest_z), below = collar_y - p.y, x = abs(p.x);
    vec3 tone = cloth_colour * (0.88 + 0.24 * weave);
    float dark = 1.0;
    if (outfit == 0) {
        float band = smoothstep(0.016, 0.013, neckline - p.y);
        tone *= 1.0 - 0.28 * band; dark = 1.0 - 0.25 * smoothstep(0.004, 0.0, abs(neckline - p.y - 0.015));
    } else if (outfit == 1) {
        float hem = neckline - p.y - 0.032, flap = smoothstep(0.002, 0.0, hem) * smoothstep(0.085, 0.07, x);
        dark = 1.0 - 0.45 * smoothstep(0.0030, 0.0, abs(hem)) * smoothstep(0.085, 0.07, x) * front;
        dark -= 0.3 * smoothstep(0.0018, 0.0, x) * front * step(0.0, hem);
        tone *= 1.0 + 0.22 * flap;
        if (front > 0.5 && length(vec2(p.x - 0.004, mod(below, 0.07) - 0.035)) < 0.0034) tone = vec3(0.6);
    } else {
        float opening = 0.088 - (below - 0.03) * 0.40, lapel = opening + 0.034 * smoothstep(0.22, 0.12, below);
        bool inner = x < opening && front > 0.1;
        vec3 shirt = inner_colour * (0.93 + 0.1 * weave);
        float collar_flap = smoothstep(0.0025, 0.0, abs(below - 0.058 - x * 0.35)) * smoothstep(0.012, 0.016, x);
        dark = inner ? 1.0 - 0.45 * smoothstep(0.010, 0.0, opening - x) - 0.22 * collar_flap - 0.3 * smoothstep(0.0016, 0.0, x)
                      : 1.0 - 0.40 * smoothstep(0.003, 0.0, abs(x - lapel)) * front;
        tone = inner ? shirt : tone * (x < lapel && front > 0.1 ? 1.35 : 1.0);
        if (outfit == 3 && front > 0.3) {
            vec2 badge = abs(vec2(p.x - 0.112, below - 0.062));
            if (badge.x < 0.024 && badge.y < 0.0085) { tone = badge.x < 0.021 && badge.y < 0.0060 ? vec3(0.80, 0.78, 0.70) : vec3(0.50, 0.36, 0.12); dark = 1.0; }
        }
    }
    colour = film(tone * dark * lit + shine);
}
#endif
