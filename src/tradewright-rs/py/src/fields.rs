//! Fields of the values that policies return, read where msgspec keeps them.

use std::ptr::addr_of_mut;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

/// A field of a class of values. A look-up by name costs several times what the rest of reading a field does.
pub struct Field {
    class: Py<PyType>,
    name: Py<PyString>,
    /// Where its object stands in an instance, in bytes; absent if the class keeps it otherwise.
    offset: Option<isize>,
}

impl Field {
    /// The field of this name.
    pub fn of(class: &Bound<'_, PyType>, name: &str) -> PyResult<Field> {
        let descriptor = class.getattr(name)?;
        // SAFETY: only an object of the exact type `member_descriptor` is read as one, and it lives here.
        let offset = unsafe {
            if ffi::Py_TYPE(descriptor.as_ptr()) == addr_of_mut!(ffi::PyMemberDescr_Type) {
                let descriptor = descriptor.as_ptr().cast::<ffi::PyMemberDescrObject>();
                let member = (*descriptor).d_member;
                let is_own = (*descriptor).d_common.d_type == class.as_type_ptr();
                (is_own && (*member).type_code == ffi::Py_T_OBJECT_EX).then_some((*member).offset)
            } else {
                None
            }
        };
        Ok(Field { class: class.clone().unbind(), name: PyString::intern(class.py(), name).unbind(), offset })
    }

    /// Its value in an object.
    #[inline]
    pub fn get<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = value.py();
        if let Some(offset) = self.offset
            && value.get_type_ptr() == self.class.bind(py).as_type_ptr()
        {
            // SAFETY: the object is of the class whose slot this is, so a pointer to an object, or null, stands there.
            let found = unsafe {
                let slot = value.as_ptr().byte_offset(offset).cast::<*mut ffi::PyObject>();
                Bound::from_borrowed_ptr_or_opt(py, *slot)
            };
            if let Some(found) = found {
                return Ok(found);
            }
        }
        value.getattr(self.name.bind(py))
    }
}
