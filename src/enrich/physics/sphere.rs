//! Distances between points and outlines on the sphere.
//!
//! The Earth is taken for a sphere of its mean radius; the ellipsoid differs by less than 0.6 % (that is the caller's margin).
//! All is compared by cosines of angles, so that the many comparisons need no inverse functions.

/// The Earth's mean radius in km (IUGG).
pub(super) const EARTH_KM: f64 = 6371.0;

/// A unit vector from the Earth's middle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Vector(f64, f64, f64);

impl Vector {
    /// The point at a latitude and longitude, in degrees.
    pub(super) fn at(latitude: f64, longitude: f64) -> Self {
        let (lat, lon) = (latitude.to_radians(), longitude.to_radians());
        Self(lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin())
    }

    /// Kilometres to another point.
    #[cfg(test)]
    pub(super) fn km(self, other: Self) -> f64 {
        kilometres(self.dot(other))
    }

    fn dot(self, o: Self) -> f64 {
        self.0 * o.0 + self.1 * o.1 + self.2 * o.2
    }

    fn cross(self, o: Self) -> Self {
        Self(self.1 * o.2 - self.2 * o.1, self.2 * o.0 - self.0 * o.2, self.0 * o.1 - self.1 * o.0)
    }

    fn over(self, by: f64) -> Self {
        Self(self.0 / by, self.1 / by, self.2 / by)
    }
}

/// The shorter arc between two points.
#[derive(Debug, Clone, Copy)]
struct Arc {
    from: Vector,
    /// Normal of its great circle, and of the planes that bound what lies beside it; `None` where both ends are one point.
    beside: Option<(Vector, Vector, Vector)>,
}

impl Arc {
    /// Shorter than this (7 m) it is a point.
    const POINT: f64 = 1e-6;

    fn new(from: Vector, to: Vector) -> Self {
        let normal = from.cross(to);
        let size = normal.dot(normal).sqrt();
        let beside = (size > Self::POINT).then(|| {
            let normal = normal.over(size);
            (normal, normal.cross(from), to.cross(normal))
        });
        Self { from, beside }
    }

    /// The cosine of the angle to the nearest point of the arc, without its end (which begins the next one).
    fn cosine(&self, point: Vector) -> f64 {
        let end = self.from.dot(point);
        match self.beside {
            Some((normal, after, before)) if after.dot(point) >= 0.0 && before.dot(point) >= 0.0 => {
                let sine = normal.dot(point);
                end.max((1.0 - sine * sine).max(0.0).sqrt())
            }
            _ => end,
        }
    }
}

/// A closed line around a piece of land.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    /// Longitude and latitude in degrees.
    flat: Vec<(f64, f64)>,
    arcs: Vec<Arc>,
}

impl Ring {
    /// A ring through points given as (longitude, latitude); the first is the last too.
    pub(super) fn new(flat: Vec<(f64, f64)>) -> Self {
        let points: Vec<Vector> = flat.iter().map(|(lon, lat)| Vector::at(*lat, *lon)).collect();
        let next = points.iter().cycle().skip(1);
        let arcs = points.iter().zip(next).map(|(a, b)| Arc::new(*a, *b)).collect();
        Self { flat, arcs }
    }

    /// Whether a line from the point to the north crosses the ring an odd number of times, on the map.
    fn around(&self, latitude: f64, longitude: f64) -> bool {
        let next = self.flat.iter().cycle().skip(1);
        let crossed = self.flat.iter().zip(next).filter(|((x0, y0), (x1, y1))| {
            (*x0 > longitude) != (*x1 > longitude) && latitude < y0 + (longitude - x0) / (x1 - x0) * (y1 - y0)
        });
        crossed.count() % 2 == 1
    }

    fn cosine(&self, point: Vector) -> f64 {
        self.arcs.iter().map(|arc| arc.cosine(point)).fold(-1.0, f64::max)
    }
}

/// Kilometres from a point to the nearest land inside any of the rings; 0 inside.
pub(super) fn from_point((latitude, longitude): (f64, f64), rings: &[Ring]) -> f64 {
    if rings.iter().filter(|ring| ring.around(latitude, longitude)).count() % 2 == 1 {
        return 0.0;
    }
    let point = Vector::at(latitude, longitude);
    kilometres(rings.iter().map(|ring| ring.cosine(point)).fold(-1.0, f64::max))
}

/// Kilometres between the nearest points of two outlines that do not overlap. (The nearest points of two arcs that do not
/// cross have an end of one of them among them.)
pub(super) fn between(one: &[Ring], other: &[Ring]) -> f64 {
    let ends = |rings: &'_ [Ring], of: &'_ [Ring]| {
        let points = of.iter().flat_map(|ring| &ring.arcs).map(|arc| arc.from);
        points.flat_map(|p| rings.iter().map(move |ring| ring.cosine(p))).fold(-1.0, f64::max)
    };
    kilometres(ends(one, other).max(ends(other, one)))
}

fn kilometres(cosine: f64) -> f64 {
    cosine.clamp(-1.0, 1.0).acos() * EARTH_KM
}
