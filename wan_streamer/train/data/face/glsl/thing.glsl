// Plain things: `rest` is the colour, uv.x the gloss.
#ifdef VERTEX
void shade(vec3 n, vec3 view, vec3 along) {
    lit = diffuse(n, vec3(0.2)) * rest; shine = glint(n, view, 10.0 + 60.0 * uv.x) * 0.3 * uv.x;
}
#else
void main() { colour = film(lit + shine); }
#endif
