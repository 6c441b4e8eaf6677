// Draws the skin's colours into its own texture, once, so it may be slow. Square roots of linear; alpha: lips.
#ifdef VERTEX
in vec2 uv; in vec3 rest; in float detail; out vec3 rest_at; out vec2 uv_at; out float detail_at;
void main() { rest_at = rest; uv_at = uv; detail_at = detail; gl_Position = vec4(uv * 2.0 - 1.0, 0, 1); }
#else
in vec3 rest_at; in vec2 uv_at; in float detail_at;
uniform sampler2D masks; uniform vec3 mouth_at, nose_at, eye_at, skin_colour, lip_colour, hair_colour, brow_colour;
uniform float lip_strength, brow_thickness, beard, age_lines, make_up;
out vec4 colour;

float hash(vec3 p) { return fract(sin(dot(p, vec3(127.1, 311.7, 74.7))) * 43758.5453); }
float noise(vec3 p) {
    vec3 i = floor(p), f = fract(p); f = f * f * (3.0 - 2.0 * f);
    vec4 near = vec4(hash(i), hash(i + vec3(1,0,0)), hash(i + vec3(0,1,0)), hash(i + vec3(1,1,0)));
    vec4 away = vec4(hash(i + vec3(0,0,1)), hash(i + vec3(1,0,1)), hash(i + vec3(0,1,1)), hash(i + vec3(1,1,1)));
    vec4 along = mix(near, away, f.z);
    return mix(mix(along.x, along.y, f.x), mix(along.z, along.w, f.x), f.y);
}

float blob(vec3 p, vec3 centre, float radius) { vec3 d = (p - centre) / radius; return exp(-dot(d, d)); }
float brow(vec3 p) {  // strokes that run outwards along an arch
    float along = (p.x - eye_at.x + 0.017) / 0.043;
    if (along < 0.0 || along > 1.0 || p.z < eye_at.z - 0.03) return 0.0;
    float arch = eye_at.y + 0.0212 + 0.0080 * sin(3.1416 * pow(along, 0.8) * 0.72) - 0.0046 * along;
    float thick = (0.0036 - 0.0022 * along * along) * brow_thickness;
    float across = (p.y - arch) / thick;
    vec2 way = normalize(vec2(0.35 + 0.65 * along, 0.55 - 0.95 * along));
    float stroke = noise(vec3(dot(p.xy, vec2(-way.y, way.x)) * 2100.0, dot(p.xy, way) * 260.0, 3.0));
    float cover = smoothstep(1.25, 0.35, abs(across)) * smoothstep(0.0, 0.16, along) * smoothstep(1.0, 0.75, along);
    return clamp(cover * (0.55 + 0.8 * stroke), 0.0, 1.0);
}
void main() {
    vec4 mask = texture(masks, uv_at);  // lips, lids, inside of the mouth, ears
    vec3 p = rest_at; p.x = abs(p.x);
    vec3 tone = skin_colour;
    float spots = noise(rest_at * 60.0);
    tone *= 0.92 + 0.12 * noise(rest_at * 260.0) * noise(rest_at * 700.0) + (0.05 + 0.07 * age_lines) * spots;
    vec3 red = tone * vec3(1.16, 0.80, 0.78);
    float blush = 0.75 * blob(p, mouth_at + vec3(0.040, 0.036, -0.015), 0.021) + 0.55 * blob(p, nose_at, 0.013) + 0.5 * mask.a;
    tone = mix(tone, red, blush * smoothstep(0.05, 0.35, skin_colour.r));
    tone = mix(tone, tone * mix(vec3(0.80, 0.68, 0.68), vec3(0.60, 0.45, 0.46), make_up), mask.g * 0.50);
    float under_eye = blob(p, eye_at + vec3(0.0, -0.014, 0.004), 0.011);
    tone *= 1.0 - (0.07 + 0.14 * age_lines) * under_eye;
    vec3 q = p * vec3(0.5, 1.6, 0.5);
    float lines = noise(q * 210.0) * smoothstep(0.025, 0.05, p.y - eye_at.y) * smoothstep(0.080, 0.060, p.y - eye_at.y) * smoothstep(0.055, 0.035, p.x) + noise(p.yxz * vec3(240.0, 60.0, 60.0)) * blob(p, eye_at + vec3(0.026, 0.0, -0.006), 0.013);
    tone *= 1.0 - age_lines * 0.16 * smoothstep(0.45, 0.8, lines);
    float fold = abs(length((p.xy - mouth_at.xy - vec2(0.010, 0.022)) / vec2(0.024, 0.034)) - 1.0);
    tone *= 1.0 - age_lines * 0.22 * smoothstep(0.10, 0.0, fold) * step(mouth_at.z - 0.05, p.z) * step(mouth_at.y - 0.008, p.y) * step(0.016, p.x);
    float chin = smoothstep(-0.018, -0.055, p.y - nose_at.y + 0.018 * smoothstep(0.02, 0.055, p.x)) * smoothstep(-0.078, -0.052, p.y - mouth_at.y);
    float cheek = smoothstep(0.042, 0.062, p.x) * smoothstep(0.0, -0.02, p.y - nose_at.y) * step(-0.09, p.y - mouth_at.y);
    float upper_lip = smoothstep(0.030, 0.022, p.x) * smoothstep(-0.008, -0.014, p.y - nose_at.y);
    float stubble = clamp(max(max(chin, cheek), upper_lip), 0.0, 1.0) * (1.0 - mask.r) * step(0.0, p.z - mouth_at.z + 0.095);
    tone = mix(tone, mix(hair_colour, tone * 0.5, 0.4), beard * stubble * (0.45 + 0.55 * noise(rest_at * 800.0)));
    float lip = mask.r;
    tone = mix(tone, lip_colour * (0.9 + 0.2 * noise(rest_at * vec3(1500.0, 200.0, 200.0))), lip * lip_strength);
    tone = mix(tone, vec3(0.10, 0.022, 0.02), mask.b);
    tone = mix(tone, brow_colour, brow(p) * 0.93);
    tone = mix(tone, hair_colour * 0.8, detail_at * 0.95);
    colour = vec4(sqrt(tone), lip * (1.0 - mask.b));
}
#endif
