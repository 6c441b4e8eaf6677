"""GLSL of the renderer. Colours are linear until `film()`; positions are metres in the viewer's axes."""

from __future__ import annotations

MATERIALS = {"skin": 0, "eye": 1, "mouth": 2, "cloth": 4, "lash": 5}

KEY_TOWARDS = (-0.62, 0.50, 0.72)  # where the key light comes from; the shadow map looks from there too

_LIGHT = (
    f"const vec3 KEY_DIRECTION = normalize(vec3{KEY_TOWARDS}), KEY = vec3(1.00, 0.92, 0.82) * 2.45;"
    + """
uniform mat4 to_light;
uniform sampler2DShadow shadow_map;
uniform vec3 camera;
const vec3 FILL_DIRECTION = normalize(vec3(0.80, 0.10, 0.62)), FILL = vec3(0.70, 0.80, 1.00) * 0.42;
const vec3 RIM_DIRECTION = normalize(vec3(0.62, 0.45, -0.62)), RIM = vec3(1.00, 0.86, 0.66) * 1.7;
const vec3 SKY = vec3(0.42, 0.41, 0.40), GROUND = vec3(0.24, 0.19, 0.16);

float lit_share(vec3 position, float bias) {
    vec3 at = (to_light * vec4(position, 1)).xyz * 0.5 + 0.5;
    float lit = 0.0;
    for (int x = -2; x <= 2; x++) for (int y = -2; y <= 2; y++)
        lit += texture(shadow_map, vec3(at.xy + vec2(x, y) * 0.0016, at.z - bias));
    return lit / 25.0;
}
vec3 film(vec3 c) {  // filmic curve by K. Narkowicz, then sRGB
    c *= 0.62;
    c = clamp(c * (2.51 * c + 0.03) / (c * (2.43 * c + 0.59) + 0.14), 0.0, 1.0);
    return mix(12.92 * c, 1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, c));
}
float hash(vec3 p) { return fract(sin(dot(p, vec3(127.1, 311.7, 74.7))) * 43758.5453); }
float noise(vec3 p) {
    vec3 i = floor(p), f = fract(p); f = f * f * (3.0 - 2.0 * f);
    vec4 near = vec4(hash(i), hash(i + vec3(1,0,0)), hash(i + vec3(0,1,0)), hash(i + vec3(1,1,0)));
    vec4 away = vec4(hash(i + vec3(0,0,1)), hash(i + vec3(1,0,1)), hash(i + vec3(0,1,1)), hash(i + vec3(1,1,1)));
    vec4 along = mix(near, away, f.z);
    return mix(mix(along.x, along.y, f.x), mix(along.z, along.w, f.x), f.y);
}
"""
)

SOLID_VERTEX = """#version 330
uniform mat4 to_clip;
in vec3 position, normal, rest; in vec2 uv; in float material, detail;
out vec3 at, facing, rest_at; out vec2 uv_at; flat out int kind; out float detail_at;
void main() {
    at = position; facing = normal; rest_at = rest; uv_at = uv; kind = int(material + 0.5); detail_at = detail;
    gl_Position = to_clip * vec4(position, 1);
}"""

SOLID_FRAGMENT = (
    """#version 330
in vec3 at, facing, rest_at; in vec2 uv_at; flat in int kind; in float detail_at;
uniform sampler2D masks; uniform vec3 mouth_at, nose_at, eye_level; uniform float collar_y;
out vec4 colour;
"""
    + _LIGHT
    + """
struct Surface { vec3 albedo, wrap; float gloss, shine, cavity; };

float collar(vec3 p) {  // a round neck with a shallow dip in front
    float dip = smoothstep(0.075, 0.0, abs(p.x));
    return collar_y - 0.052 * dip * dip * smoothstep(0.02, 0.10, p.z + 0.155);
}
float blob(vec3 p, vec3 centre, float radius) { vec3 d = (p - centre) / radius; return exp(-dot(d, d)); }

Surface skin() {
    vec4 mask = texture(masks, uv_at);  // lips, lids, inside of the mouth, ears
    vec3 p = rest_at; p.x = abs(p.x);
    vec3 tone = vec3(0.500, 0.285, 0.200);
    tone *= 0.94 + 0.12 * noise(rest_at * 260.0) * noise(rest_at * 900.0) + 0.04 * noise(rest_at * 60.0);
    float blush = 0.55 * blob(p, mouth_at + vec3(0.040, 0.034, -0.015), 0.020) + 0.35 * blob(p, nose_at, 0.012) + 0.3 * mask.a;
    tone = mix(tone, vec3(0.56, 0.24, 0.18), blush * 0.55);
    tone = mix(tone, tone * vec3(0.78, 0.66, 0.66), mask.g * 0.45);
    tone = mix(tone, vec3(0.46, 0.150, 0.135), mask.r * 0.80);
    tone = mix(tone, vec3(0.16, 0.035, 0.03), mask.b);
    vec3 hair = vec3(0.045, 0.024, 0.014);
    tone = mix(tone, hair, detail_at * 0.92);
    float bare = 1.0 - detail_at;
    return Surface(tone, vec3(0.42, 0.20, 0.14) * bare, mix(26.0, 60.0, mask.r), mix(0.20, 0.34, mask.r) * bare, 1.0 - 0.6 * mask.b);
}

Surface eye() {
    float angle = acos(clamp(rest_at.z, -1.0, 1.0)), turn = atan(rest_at.y, rest_at.x);
    vec3 white = mix(vec3(0.70, 0.655, 0.63), vec3(0.62, 0.44, 0.40), smoothstep(0.55, 1.1, angle));
    float fibre = 0.75 + 0.5 * noise(vec3(turn * 7.0, angle * 9.0, 1.0));
    vec3 iris = mix(vec3(0.17, 0.11, 0.05), vec3(0.09, 0.12, 0.08), smoothstep(0.18, 0.36, angle)) * fibre;
    iris *= 1.0 - 0.75 * smoothstep(0.33, 0.40, angle);
    vec3 tone = mix(iris, white, smoothstep(0.385, 0.43, angle));
    tone = mix(vec3(0.006), tone, smoothstep(0.145, 0.175, angle));
    float lid = smoothstep(0.0095, 0.0015, at.y - eye_level.y);
    return Surface(tone, vec3(0.25), 420.0, 1.6, 0.38 + 0.50 * lid);
}

Surface surface() {
    if (kind == 0) return skin();
    if (kind == 1) return eye();
    float depth = smoothstep(-0.030, 0.0, rest_at.z - mouth_at.z);
    if (kind == 2 && detail_at > 0.5) {  // teeth; above 1 is the distance from the gum
        float gap = smoothstep(0.0, 0.16, abs(fract(abs(rest_at.x) / 0.0068) - 0.02));
        float gum = smoothstep(1.30, 1.55, detail_at);
        vec3 enamel = vec3(0.66, 0.62, 0.54) * mix(0.70, 1.0, gap);
        return Surface(mix(vec3(0.40, 0.14, 0.12), enamel, gum), vec3(0.60), 70.0, 0.30, 0.75 * depth);
    }
    if (kind == 2) return Surface(vec3(0.42, 0.13, 0.11), vec3(0.3), 40.0, 0.3, 0.5 * depth);
    if (kind == 5) return Surface(vec3(0.012, 0.008, 0.006), vec3(0.0), 8.0, 0.0, 1.0);
    float rib = 0.5 + 0.5 * sin(atan(rest_at.x, rest_at.z) * 130.0);
    float band = smoothstep(0.016, 0.014, collar(rest_at) - rest_at.y);
    float yarn = 0.78 + 0.22 * noise(rest_at * 420.0) + 0.16 * noise(rest_at * 60.0) + 0.22 * band * rib;
    vec3 wool = vec3(0.018, 0.088, 0.105) * yarn * (1.0 - 0.22 * band);
    return Surface(wool, vec3(0.15), 6.0, 0.05, 1.0);
}

void main() {
    float neckline = collar(rest_at);
    if (kind == 4 && rest_at.y > neckline) discard;
    if (kind == 0 && rest_at.y < neckline - 0.03) discard;
    if (kind == 5) {  // single lashes: stripes that end in points; fewer and shorter below the eye
        bool lower = rest_at.y < eye_level.y;
        float across = abs(fract(rest_at.x * (lower ? 900.0 : 1150.0) + (rest_at.y - eye_level.y) * 260.0 * sign(rest_at.x)) - 0.5) * 2.0;
        if (across > (1.0 - detail_at) * (lower ? 0.25 : 0.85) || (lower && detail_at > 0.40)) discard;
    }
    Surface s = surface();
    vec3 n = normalize(facing), view = normalize(camera - at);
    if (!gl_FrontFacing && kind != 1) n = -n;
    vec3 pore = rest_at * 1400.0;
    if (kind == 0) n = normalize(n + 0.05 * (vec3(noise(pore), noise(pore + 7.0), noise(pore + 13.0)) - 0.5));
    float shadow = lit_share(at + n * 0.0015, 0.0022);
    vec3 wrapped = clamp((dot(n, KEY_DIRECTION) + s.wrap) / (1.0 + s.wrap), 0.0, 1.0);
    vec3 key = KEY * wrapped * mix(s.wrap * 0.55, vec3(1), shadow);
    vec3 fill = FILL * max((dot(n, FILL_DIRECTION) + 0.3) / 1.3, 0.0);
    vec3 rim = RIM * max(dot(n, RIM_DIRECTION), 0.0);
    vec3 ambient = mix(GROUND, SKY, n.y * 0.5 + 0.5);
    vec3 light = s.albedo * (key + fill + rim + ambient) * s.cavity;
    float edge = pow(1.0 - max(dot(n, view), 0.0), 5.0);
    float glint = pow(max(dot(n, normalize(KEY_DIRECTION + view)), 0.0), s.gloss) * shadow;
    glint += 0.25 * pow(max(dot(n, normalize(FILL_DIRECTION + view)), 0.0), s.gloss);
    light += (KEY * glint * s.shine + s.shine * edge * SKY * 0.5) * s.cavity;
    colour = vec4(film(light), 1);
}"""
)

SHADOW_VERTEX = """#version 330
uniform mat4 to_light; in vec3 position; in vec3 rest; in float material; flat out int kind; out vec3 rest_at;
void main() { gl_Position = to_light * vec4(position, 1); kind = int(material + 0.5); rest_at = rest; }"""
SHADOW_FRAGMENT = """#version 330
flat in int kind; in vec3 rest_at; uniform float collar_y;
void main() { if (kind == 5 || (kind == 4 && rest_at.y > collar_y - 0.05)) discard; }"""

# A strand is a ribbon that always turns its width to the eye that looks: the camera, or the light for shadows.
STRAND_VERTEX = """#version 330
uniform mat4 to_clip, head_turn; uniform vec3 eye_point; uniform float width_m, swing;
in vec3 position, tangent; in float side, along, shade;
out vec3 at, tangent_at; out float along_at, shade_at;
void main() {
    float share = 1.0 - swing * along * along;  // the tips of hair lag behind the head
    vec3 turned = mix(position, (head_turn * vec4(position, 1)).xyz, share);
    vec3 direction = normalize(mat3(head_turn) * tangent);
    vec3 across = normalize(cross(direction, eye_point - turned));
    at = turned + across * side * width_m * 0.5 * (1.0 - 0.75 * along * along) * mix(0.3, 1.0, smoothstep(0.0, 0.12, along));
    tangent_at = direction; along_at = along; shade_at = shade;
    gl_Position = to_clip * vec4(at, 1);
}"""
STRAND_SHADOW_FRAGMENT = """#version 330
void main() {}"""
STRAND_FRAGMENT = (
    """#version 330
in vec3 at, tangent_at; in float along_at, shade_at; uniform float sheen; uniform vec3 head_centre;
out vec4 colour;
"""
    + _LIGHT
    + """
float highlight(vec3 t, vec3 towards, vec3 view, float gloss) {  // Kajiya and Kay, 1989
    float c = dot(t, normalize(towards + view));
    return pow(sqrt(max(1.0 - c * c, 0.0)), gloss);
}
void main() {
    vec3 t = normalize(tangent_at), view = normalize(camera - at), out_of_head = normalize(at - head_centre);
    vec3 tone = mix(vec3(0.050, 0.025, 0.013), vec3(0.125, 0.066, 0.034), shade_at * shade_at);
    tone *= mix(0.75, 1.10, smoothstep(0.0, 0.4, along_at));
    float shadow = lit_share(at, 0.006);
    float across = sqrt(max(1.0 - pow(dot(t, KEY_DIRECTION), 2.0), 0.0));
    float facing_key = smoothstep(-0.35, 0.75, dot(out_of_head, KEY_DIRECTION));
    vec3 key = KEY * across * facing_key * mix(0.22, 1.0, shadow);
    vec3 fill = FILL * smoothstep(-0.4, 0.8, dot(out_of_head, FILL_DIRECTION));
    vec3 light = tone * (key + fill + mix(GROUND, SKY, out_of_head.y * 0.5 + 0.5));
    vec3 tilted = normalize(t + out_of_head * (0.10 * shade_at - 0.10));
    float sharp = highlight(tilted, KEY_DIRECTION, view, 90.0);
    float broad = highlight(normalize(t + out_of_head * 0.12), KEY_DIRECTION, view, 18.0);
    light += sheen * KEY * shadow * facing_key * (0.075 * sharp + tone * 0.9 * broad);
    light += sheen * RIM * tone * 1.2 * smoothstep(0.1, 0.9, dot(out_of_head, RIM_DIRECTION));
    colour = vec4(film(light), 1);
}"""
)

ROOM_VERTEX = """#version 330
in vec2 corner; out vec2 uv;
void main() { uv = corner * 0.5 + 0.5; gl_Position = vec4(corner, 0.9999, 1); }"""
ROOM_FRAGMENT = """#version 330
in vec2 uv; uniform sampler2D room; out vec4 colour;
void main() { colour = vec4(texture(room, vec2(uv.x, 1.0 - uv.y)).rgb, 1); }"""
